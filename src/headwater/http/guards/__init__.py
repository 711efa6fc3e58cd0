"""What a request passes before anything answers it: one ASGI middleware a file, outermost first in `server.GUARDS`."""
