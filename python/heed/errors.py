"""What the library raises: one sentence that says what was expected and what was found.

Each class is also the built-in exception that such a failure would be elsewhere in Python.
"""


class Error(Exception):
    """Any failure of the library."""

    code = "error"
    """heed.hpp's name of the kind of failure."""


class FileError(Error, OSError):
    """A file could not be read or written."""

    code = "io"


class FormatError(Error, ValueError):
    """A file's content is not what its format or its own header promises."""

    code = "format"


class UnsupportedError(Error):
    """Well-formed, but not something this model, build or machine can do."""

    code = "unsupported"


class ArgumentError(Error, ValueError):
    """An argument is out of range or contradicts another."""

    code = "argument"


class LimitError(Error, ValueError):
    """More than the model, the context or a named cap allows."""

    code = "limit"


class CancelledError(Error):
    """The work was cancelled: `Session.cancel`."""

    code = "cancelled"


class InternalError(Error):
    """A fault of the library's own."""

    code = "internal"


class BusyError(Error):
    """A session was called while another of its calls was at work."""

    code = "busy"


BY_CODE = {
    error.code: error
    for error in (
        FileError,
        FormatError,
        UnsupportedError,
        ArgumentError,
        LimitError,
        CancelledError,
        InternalError,
        BusyError,
    )
}
