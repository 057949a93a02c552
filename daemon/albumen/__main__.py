"""``python -m albumen`` is the command ``albumen``."""

from albumen.cli import main

main(prog_name="albumen")
