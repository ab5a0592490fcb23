"""Generation under a grammar, and the engines that do it."""
