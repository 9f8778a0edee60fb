"""Figures, tables and the report page: data in, text or a Figure out."""
