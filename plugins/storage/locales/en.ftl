storage-link-old = This link is too old. Press “Fresh link” in the chat to get a new one.
storage-link-unknown = There is no file behind this link.
