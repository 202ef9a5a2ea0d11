"""Deploy windows as arithmetic: when they are open, what closes them, and what people mean by a time."""
