"""The epoch loop of a fit, which can resume from a checkpoint."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from stages.train.input.input_pipeline import InputPipeline
from stages.train.learning_rate_policy import PlateauPolicy, PolicyState
from stages.train.log import EpochLog
from stages.train.params import TrainParams
from stages.train.state.checkpoint import Checkpoint
from stages.train.state.interruption import Watch, leave
from stages.train.state.train_state import Saved, TrainState
from stages.train.state.variables import assign, reset_seeds, values
from stages.train.steps.batch_norm_reestimation import Reestimate
from stages.train.steps.callbacks import StepCallback, StopEvaluation
from stages.train.steps.compilation import compile_head
from stages.train.steps.fine_tuning import begin_epoch
from stages.train.steps.frozen_base import features_are_constant, frozen_base
from stages.train.steps.optimizer import ScheduledRate, StepSchedule, averaged_weights


@dataclass(frozen=True)
class _Phase:
    """The model that an epoch fits, and its inputs."""

    network: keras.Model
    inputs: InputPipeline
    reestimate: Reestimate


class EpochLoop:
    """Trains a compiled network in place, an epoch at a time.

    A checkpoint holds all state that changes during training. An epoch depends only on this state,
    the seed and its number. So a resumed loop ends with the same bits as an uninterrupted one.

    Attributes:
        policy: the policy, with its current state.
        saved: size and seconds of each checkpoint.
    """

    def __init__(
        self,
        network: keras.Model,
        params: TrainParams,
        *,
        inputs: InputPipeline,
        seed: int,
        log: EpochLog,
    ) -> None:
        self.policy = PlateauPolicy(params.policy, learning_rate=params.learning_rate)
        self.policy.set_model(network)
        self.saved: list[Saved] = []
        self._log = log
        self._network = network
        self._params = params
        self._seed = seed
        self._full = self._current = _Phase(network, inputs, Reestimate(network))
        if params.fine_tuning.freeze_epochs:
            head = compile_head(network, params)
            self._head = _Phase(head, inputs, Reestimate(network, fitted=head))
            self._base = frozen_base(network)
        self._epoch, self._step = 0, 0  # complete epochs, and steps of the next one
        self._metrics: Sequence[Any] = ()  # values to restore in a resumed epoch
        self._saved_at: tuple[int, int] | None = None  # position of the latest checkpoint

    def run(self, state: TrainState, watch: Watch) -> None:
        """Train the remaining epochs, then give the network the weights of the best epoch.

        Raises:
            StageError: if the loss diverges, or the network does not report the monitored figure.
            SystemExit: after the current step and a checkpoint, if `watch` has a reason to stop.
        """
        self._state, self._watch = state, watch
        self.policy.require_monitored(f"val_{name}" for name in self._network.get_metrics_result())
        with watch.deferred():
            if checkpoint := state.latest():
                self._resume(checkpoint)
            else:
                state.require_room(self._checkpoint_size())
            while self._epoch < self._params.epochs and not self._stopped():
                self._run_epoch()
            self.policy.on_train_end()

    def _stopped(self) -> bool:
        """Return whether the policy stops training; it cannot while the base is frozen."""
        return self.policy.state.stop and self._epoch > self._params.fine_tuning.freeze_epochs

    def _after_step(self) -> None:
        """Count a training step; save a checkpoint or stop if that is due."""
        self._step += 1
        self._log.after_step()
        every = self._params.checkpoint_every_steps
        if self._watch.reason:
            self._current.network.stop_training = True  # `_run_epoch` then saves and exits
        elif every and self._step % every == 0:
            self._save()

    def _restore_metrics(self) -> None:
        """Restore the metrics of a resumed epoch."""
        if self._metrics:
            assign(self._current.network.metrics_variables, self._metrics)
        self._metrics = ()

    def _run_epoch(self) -> None:
        freeze_epochs = self._params.fine_tuning.freeze_epochs
        if self._epoch == freeze_epochs > 0 == self._step:
            self.policy.restart(self._params.learning_rate)
        before = self.policy.state
        self.policy.on_epoch_begin(self._epoch)
        begin_epoch(
            self._network, self._params.fine_tuning, epoch=self._epoch, first_step=self._step
        )
        frozen = self._epoch < freeze_epochs
        self._current = self._with_frozen_base() if frozen else self._full
        self._log.begin(
            self._epoch, step=self._step, until=freeze_epochs if frozen else self._params.epochs
        )
        logs = self._train()
        self._exit_if_requested()
        counted = values(self._current.network.metrics_variables)
        with averaged_weights(self._network.optimizer):
            validated = self._validate()
            logs |= validated
            if validated:
                self.policy.on_epoch_end(self._epoch, logs)
        if not validated:  # a resumed run repeats the validation
            assign(self._current.network.metrics_variables, counted)
            self._exit_if_requested()
        self._log.end(logs, before=before, after=self.policy.state)
        self._epoch, self._step = self._epoch + 1, 0
        self._save()
        self._exit_if_requested()

    def _with_frozen_base(self) -> _Phase:
        """Return the head and its inputs: features if they are computed once, else images."""
        if self._head.inputs is self._full.inputs and features_are_constant(self._params):
            began = time.monotonic()
            inputs = self._full.inputs.with_features(
                self._base, callbacks=[self._stop_when_requested()]
            )
            self._exit_if_requested()
            self._head = dataclasses.replace(self._head, inputs=inputs)
            print(
                "The base is frozen and nothing random stands before it: its features of all "
                f"training and validation cells were computed once, in "
                f"{time.monotonic() - began:.1f} s",
                flush=True,
            )
        return self._head

    def _stop_when_requested(self) -> keras.callbacks.Callback:
        return StopEvaluation(lambda: self._watch.reason is not None)

    def _train(self) -> dict[str, float]:
        """Train the rest of the epoch; return the training figures of the whole epoch."""
        if not self._step:
            reset_seeds(self._network.variables, seed=self._seed, epoch=self._epoch)
        steps = self._current.inputs.steps
        left = steps - self._step
        if left:
            first = self._epoch * steps + self._step
            self._current.network.fit(
                self._current.inputs.training(first),
                steps_per_epoch=left,
                callbacks=[
                    ScheduledRate(
                        StepSchedule(
                            self._params.warmup_steps,
                            self._params.cooldown_steps,
                            steps * self._params.epochs,
                        ),
                        learning_rate=lambda: self.policy.state.learning_rate,
                        first_step=first,
                    ),
                    StepCallback(at_start=self._restore_metrics, after_step=self._after_step),
                ],
                shuffle=False,  # the batches are already shuffled
                verbose=0,
            )
        else:
            self._restore_metrics()
        figures = self._current.network.get_metrics_result()
        return {name: float(value) for name, value in figures.items()}

    def _validate(self) -> dict[str, float]:
        """Return the validation figures; an empty dict if there was a reason to stop."""
        if count := self._params.reestimate_batch_norm:
            inputs = self._current.inputs
            batches = inputs.training(self._epoch * inputs.steps).take(count)
            self._current.reestimate(images for images, *_ in batches)
        logs = self._current.network.evaluate(
            self._current.inputs.validation,
            callbacks=[self._stop_when_requested()],
            return_dict=True,
            verbose=0,
        )
        return {} if self._watch.reason else {f"val_{name}": logs[name] for name in logs}

    def _exit_if_requested(self) -> None:
        reason = self._watch.reason
        if not reason:
            return
        self._log.close()
        done = f"after {self._epoch} epochs and {self._step} steps"
        saved = self._save()
        kept = "what is done is saved" if saved else "what was saved before is kept"
        leave(reason, f" {done}; {kept}: the next run goes on from there")

    def _save(self) -> bool:
        """Write a checkpoint if this step has none; return whether it has one now."""
        here = self._epoch, self._step
        if self._saved_at == here:
            return True
        arrays = {owner: values(variables) for owner, variables in self._owned().items()}
        # Between epochs the metrics hold validation counts, which the next epoch does not use.
        arrays["metrics"] = values(self._current.network.metrics_variables) if self._step else []
        arrays["best"] = list(self.policy.best_weights)
        notes = {
            "policy": dataclasses.asdict(self.policy.state),
            "rows": self._log.rows,
            "times": self._log.times,
        }
        saved = self._state.save(Checkpoint(*here, arrays, notes))
        if saved:
            self._saved_at = here
            self.saved.append(saved)
        return saved is not None

    def _checkpoint_size(self) -> int:
        """Return the bytes of a checkpoint after the first epoch, without metrics and notes."""
        owned = [variable for variables in self._owned().values() for variable in variables]
        return sum(array.nbytes for array in values([*owned, *self._network.weights]))

    def _resume(self, checkpoint: Checkpoint) -> None:
        for owner, variables in self._owned().items():
            assign(variables, checkpoint.arrays.get(owner, []))
        self._epoch, self._step = self._saved_at = checkpoint.epoch, checkpoint.step
        self._metrics = checkpoint.arrays.get("metrics", [])
        self.policy.state = PolicyState(**checkpoint.notes["policy"])
        self.policy.best_weights = checkpoint.arrays.get("best", [])
        self._log.rows, self._log.times = checkpoint.notes["rows"], checkpoint.notes["times"]
        print(
            f"Resumed after {self._epoch} epochs and {self._step} steps, from {self._state.folder}",
            flush=True,
        )

    def _owned(self) -> dict[str, Sequence[keras.Variable]]:
        """Return all variables that persist between steps, by owner, always in the same order."""
        return {
            "network": self._network.variables,
            "optimizer": self._network.optimizer.variables,
        }
