"""A plugin for the drills: it can't be imported."""

import there_is_no_such_module  # type: ignore[import-not-found]  # noqa: F401 - its fault

manifest = {"id": "import_error", "version": "1.0", "summary": "Broken", "api": ">=1,<2"}
