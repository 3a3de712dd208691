"""Charts as inline SVG and the pages that hold them: text from numbers, by the standard library."""
