"""Anyone's encoder on anyone's images: from a few words to a config, a suite and its results."""
