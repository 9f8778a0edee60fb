"""Kept runs: the outcomes of replicates in a folder to commit, whoever made them, and what all of them come to."""
