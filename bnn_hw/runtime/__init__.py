"""What runs on the board: Python 3.8 and numpy; pynq only where there is a board."""
