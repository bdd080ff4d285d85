"""The wheel's build hook: with a C compiler the wheel has the extensions, without it is pure."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileHook(BuildHookInterface[Any]):
    """Compiles what `drawdown.compiled` names. An editable install is compiled by hand."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the extensions to the wheel, and tag it for this platform."""
        if self.target_name != "wheel" or version == "editable":
            return
        compiling = runpy.run_path(str(Path(self.root) / "deploy/build/compile.py"))
        if reason := compiling["missing_tool"]():
            self.app.display_warning(f"{reason}: this wheel runs uncompiled, 2.5 times slower")
            return
        library: Path = compiling["build"]()
        for path in library.rglob("*.so"):
            build_data["force_include"][str(path)] = path.relative_to(library).as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
