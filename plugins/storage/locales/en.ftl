storage-link-old = This link is too old. Press “Fresh link” in the chat to get a new one.
storage-link-unknown = There is no file behind this link.
storage-link-later = I can't get this file right now. Try again in a few minutes.
