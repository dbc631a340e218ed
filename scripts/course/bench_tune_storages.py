"""Optuna's storages for the simulated workers of bench_tune_worker.py: the same questions to the database or the proxy, with less made of
the answers. They follow RDBStorage._get_trials and GrpcClientCache of Optuna 5.0.0.
"""

import tuning.storage

AT_ONCE = 500  # trials whose rows SQLAlchemy asks for in one statement


def opened(url, light):
    if url.startswith("grpc://"):
        return through_proxy(url, light)
    from optuna.storages import RDBStorage

    # The tables are there: looking for them a thousand times is not what is measured.
    options = {"skip_compatibility_check": True, "skip_table_creation": True, "engine_kwargs": {"pool_pre_ping": True}}
    return (light_database() if light else RDBStorage)(tuning.storage.with_driver(url), **options)


def known(number, trial_id, state, intermediate_values, values=None):
    """As much of a trial as a pruner looks at."""
    from optuna.trial import FrozenTrial

    return FrozenTrial(
        number=number,
        trial_id=trial_id,
        state=state,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values=intermediate_values,
    )


def light_database():
    import sqlalchemy
    from optuna.storages import RDBStorage
    from optuna.storages._rdb import models
    from optuna.storages._rdb.storage import _create_scoped_session

    trials = models.TrialModel.__table__
    steps = models.TrialIntermediateValueModel.__table__
    names = ("TrialParamModel", "TrialValueModel", "TrialUserAttributeModel", "TrialSystemAttributeModel")
    others = [getattr(models, name).__table__ for name in names]

    class Light(RDBStorage):
        def _get_trials(self, study_id, states, included_trial_ids, trial_id_greater_than):
            included = [number for number in included_trial_ids if number <= trial_id_greater_than]
            wanted = trials.c.trial_id > trial_id_greater_than
            if included:
                wanted = sqlalchemy.or_(trials.c.trial_id.in_(included), wanted)
            query = sqlalchemy.select(trials).where(trials.c.study_id == study_id, wanted).order_by(trials.c.trial_id)
            with _create_scoped_session(self.scoped_session) as session:
                models.StudyModel.find_or_raise_by_id(study_id, session)
                rows = session.execute(query).all()
                values = {row.trial_id: {} for row in rows}
                for start in range(0, len(rows), AT_ONCE):
                    ids = [row.trial_id for row in rows[start : start + AT_ONCE]]
                    for table in others:
                        session.execute(sqlalchemy.select(table).where(table.c.trial_id.in_(ids))).all()
                    for row in session.execute(sqlalchemy.select(steps).where(steps.c.trial_id.in_(ids))):
                        values[row.trial_id][row.step] = row.intermediate_value
            return [known(row.number, row.trial_id, row.state, values[row.trial_id]) for row in rows]

    return Light


def through_proxy(url, light):
    from optuna.storages._grpc import servicer
    from optuna.storages._grpc.auto_generated import api_pb2
    from optuna.storages._grpc.client import GrpcClientCache, GrpcClientCacheEntry

    class Light(GrpcClientCache):
        def _read_trials_from_remote_storage(self, study_id):
            study = self.studies.setdefault(study_id, GrpcClientCacheEntry())
            request = api_pb2.GetTrialsRequest(
                study_id=study_id, included_trial_ids=study.unfinished_trial_ids, trial_id_greater_than=study.last_finished_trial_id
            )
            for trial in self.grpc_client.GetTrials(request).trials:
                state = servicer._from_proto_trial_state(trial.state)
                values = dict(trial.intermediate_values) if state.is_finished() else {}
                self._add_trial_to_cache(study_id, known(trial.number, trial.trial_id, state, values))

    storage = tuning.storage.opened(url)
    if light:
        storage._cache = Light(storage._stub)
    return storage
