"""Attribution trees."""
