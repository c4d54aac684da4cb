"""Build hook: the distribution's dependencies are the names in requirements/core.in."""

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

BUILD_ONLY = ("hatchling", "maturin")


class CustomMetadataHook(MetadataHookInterface):
    """Reads requirements/core.in so that the list of dependencies stands in one place."""

    def update(self, metadata: dict) -> None:
        """Set `dependencies` from the non-comment lines of requirements/core.in."""
        lines = Path(self.root, "requirements", "core.in").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [
            line.strip()
            for line in lines
            if line.strip() and not line.startswith(("#", "-")) and not line.startswith(BUILD_ONLY)
        ]
