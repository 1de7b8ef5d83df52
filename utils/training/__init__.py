"""Models, training one or many seeds at once, and prediction. Everything here runs on one torch thread."""
