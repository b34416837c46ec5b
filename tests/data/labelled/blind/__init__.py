"""Cases as third parties write them: templates, what fills them, and the cases themselves."""
