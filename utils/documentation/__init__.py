"""Pages made from the code and from the numbers of an audit."""
