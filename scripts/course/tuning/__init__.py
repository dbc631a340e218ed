"""Hyperparameter search over a notebook, for tune.py.

space.py       what --search means
storage.py     where studies are kept, and how to reach that
study.py       one study: what it searches, which trials are left, what has become of those that broke off
alive.py       whether the process that runs a trial still does
follow.py      the epochs of a running notebook
trial.py       one trial: the notebook, executed, followed, and stopped where it is pruned
worker.py      the process that runs trials, one after the other
workers.py     such processes on this machine
cluster.py     such processes where Dask puts them
winner.py      the best trial again, with other seeds
report.py      what comes out
"""
