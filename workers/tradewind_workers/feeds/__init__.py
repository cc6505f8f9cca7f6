"""Where market rows come from: live venues, captures, generated markets."""
