"""What ends a command with a message instead of a trace."""


class CommandError(Exception):
    """Root: the message names the cause and the next step."""


class ProcessFailed(CommandError):
    """A process did not become ready, or keeps dying; the message names its log."""


class InstanceHeld(CommandError):
    """Another supervisor runs on this data folder; the message says which and how to stop it."""


class Interrupted(CommandError):
    """The user asked to stop before the run had ended."""
