"""A class server: JupyterHub with nbgrader's exchange, and the grading of this course behind the formgrader."""
