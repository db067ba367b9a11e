"""Model files: open, check, convert, render chats, and make tiny ones. No module here needs torch to be imported."""
