"""Nextcloud: ``cloud`` is the one place that knows nc-py-api, ``calls`` what is asked, ``store`` what comes of it."""
