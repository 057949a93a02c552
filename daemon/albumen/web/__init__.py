"""What is answered over HTTP: for now numbers and health."""
