"""Attribution trees: grown, and their edges masked beside other edges."""
