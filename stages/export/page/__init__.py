"""The page that asks the model in a browser: its parts, and how they become one file."""
