"""The instructor's tool: hand out, solve, grade. It imports nothing of `utils`, so it can grade any nbgrader course."""
