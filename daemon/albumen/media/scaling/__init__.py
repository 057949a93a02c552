"""A picture in another size: decoded whole, scaled and encoded in bands of rows, with all that it says about itself.

``picture`` does it in one process and is what the children of ``worker`` run; the rest is one concern a module. Pictures stay what
they are: grey, with transparency, of 16 bits; their colour profile is kept, their orientation applied once. What would lose something
without being asked is refused with the reason: films, CMYK, camera RAW, transparency into JPEG.
"""
