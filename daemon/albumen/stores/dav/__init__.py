"""WebDAV on the wire: ``session`` asks, ``multistatus`` reads, ``hrefs`` names, ``trouble`` says what an answer means."""
