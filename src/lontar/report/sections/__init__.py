"""The sections of a report in reading order. Each module turns a run into plain numbers and text, or None."""
