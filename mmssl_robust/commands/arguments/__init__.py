"""What each command takes, apart from what it does: help and mistakes need none of the libraries."""
