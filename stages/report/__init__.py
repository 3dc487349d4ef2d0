"""What reports are made of: figures in, HTML and SVG out."""
