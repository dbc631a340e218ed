"""Optuna lives in an environment of its own, which the Python of .venv takes in here: who never tunes does not install it."""

import sys

import setup


def use(dask=False):
    """Makes Optuna importable, and Dask where it is wanted; both are installed by then."""
    for venv in [setup.TUNE_VENV, *([setup.DASK_VENV] if dask else [])]:
        folder = venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        # After .venv's own: what both have is of the same version.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
