"""What the notebooks of the course import: data, training, evaluation and plotting. See each folder's own page."""
