"""Attribution held against what is known: exact knock-outs of edges."""
