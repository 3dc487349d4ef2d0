"""The epochs of a fit, from wherever it stands to its end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from stages.train.input.inputs import Inputs
from stages.train.log import EpochLog
from stages.train.params import TrainParams
from stages.train.policy import PlateauPolicy, PolicyState
from stages.train.state.checkpoint import Checkpoint
from stages.train.state.interruption import Watch, leave
from stages.train.state.train_state import Saved, TrainState
from stages.train.state.variables import assign, reset_seeds, values
from stages.train.steps.callbacks import EachStep, StopEvaluation
from stages.train.steps.compilation import compile_head
from stages.train.steps.fine_tuning import begin_epoch
from stages.train.steps.frozen_base import features_once, frozen_base
from stages.train.steps.optimizer import WarmUp, averaged_weights
from stages.train.steps.reestimation import Reestimate


@dataclass(frozen=True)
class _Fitted:
    """What an epoch fits, and to what."""

    network: keras.Model
    inputs: Inputs
    reestimate: Reestimate


class EpochLoop:
    """Trains a compiled network in place, an epoch at a time.

    Whatever changes on the way is in a checkpoint, and an epoch is a function of that, the seed
    and its number alone: a loop that was resumed ends with the bits of one that was not.

    Attributes:
        policy: where it stands.
        saved: what the checkpoints cost.
    """

    def __init__(
        self,
        network: keras.Model,
        params: TrainParams,
        *,
        inputs: Inputs,
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
        self._whole = self._now = _Fitted(network, inputs, Reestimate(network))
        if params.fine_tuning.freeze_epochs:
            head = compile_head(network, params)
            self._head = _Fitted(head, inputs, Reestimate(network, fitted=head))
            self._base = frozen_base(network)
        self._epoch, self._step = 0, 0  # complete, and steps of the next one
        self._metrics: Sequence[Any] = ()  # what Keras forgets when a resumed epoch begins
        self._kept: tuple[int, int] | None = None  # where the latest checkpoint stands

    def run(self, state: TrainState, watch: Watch) -> None:
        """Train what is left; the network ends with the weights of the best epoch.

        Raises:
            StageError: if the loss diverges, or the network does not report what is monitored.
            SystemExit: if `watch` has a reason to stop: after the step, with a checkpoint.
        """
        self._state, self._watch = state, watch
        self.policy.require_monitored(f"val_{name}" for name in self._network.get_metrics_result())
        with watch.deferred():
            if checkpoint := state.latest():
                self._resume(checkpoint)
            while self._epoch < self._params.epochs and not self._stopped():
                self._run_epoch()
            self.policy.on_train_end()

    def _stopped(self) -> bool:
        """Say whether the policy ends training; with the base still frozen it cannot."""
        return self.policy.state.stop and self._epoch > self._params.fine_tuning.freeze_epochs

    def _after_step(self) -> None:
        """Count a training step, and save or stop where that is due."""
        self._step += 1
        self._log.after_step()
        every = self._params.checkpoint_every_steps
        if self._watch.reason:
            self._now.network.stop_training = True  # the epoch sees to the rest
        elif every and self._step % every == 0:
            self._save()

    def _restore_metrics(self) -> None:
        """Give the metrics back what they had counted of a resumed epoch."""
        if self._metrics:
            assign(self._now.network.metrics_variables, self._metrics)
        self._metrics = ()

    def _run_epoch(self) -> None:
        freeze_epochs = self._params.fine_tuning.freeze_epochs
        if self._epoch == freeze_epochs > 0 == self._step:
            self.policy.begin_anew(self._params.learning_rate)
        before = self.policy.state
        self.policy.on_epoch_begin(self._epoch)
        begin_epoch(
            self._network, self._params.fine_tuning, epoch=self._epoch, first_step=self._step
        )
        frozen = self._epoch < freeze_epochs
        self._now = self._with_frozen_base() if frozen else self._whole
        self._log.begin(
            self._epoch, step=self._step, until=freeze_epochs if frozen else self._params.epochs
        )
        logs = self._train()
        self._exit_if_requested()
        counted = values(self._now.network.metrics_variables)
        with averaged_weights(self._network.optimizer):
            validated = self._validate()
            logs |= validated
            if validated:
                self.policy.on_epoch_end(self._epoch, logs)
        if not validated:  # resumed, it is done again
            assign(self._now.network.metrics_variables, counted)
            self._exit_if_requested()
        self._log.end(logs, before=before, after=self.policy.state)
        self._epoch, self._step = self._epoch + 1, 0
        self._save()
        self._exit_if_requested()

    def _with_frozen_base(self) -> _Fitted:
        """Return what is fitted while the base is frozen; where it can be, its features are."""
        if self._head.inputs is self._whole.inputs and features_once(self._params):
            began = time.monotonic()
            inputs = self._whole.inputs.of_features(
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
        """Train what is left of the epoch; return the training figures of all of it."""
        if not self._step:
            reset_seeds(self._network.variables, seed=self._seed, epoch=self._epoch)
        steps = self._now.inputs.steps
        left = steps - self._step
        if left:
            first = self._epoch * steps + self._step
            self._now.network.fit(
                self._now.inputs.training(first),
                steps_per_epoch=left,
                callbacks=[
                    WarmUp(
                        self._params.warmup_steps,
                        learning_rate=lambda: self.policy.state.learning_rate,
                        first_step=first,
                    ),
                    EachStep(at_start=self._restore_metrics, after_step=self._after_step),
                ],
                shuffle=False,  # the batches have been
                verbose=0,
            )
        else:
            self._restore_metrics()
        figures = self._now.network.get_metrics_result()
        return {name: float(value) for name, value in figures.items()}

    def _validate(self) -> dict[str, float]:
        """Return the validation figures; none if there was a reason to break off."""
        if count := self._params.reestimate_batch_norm:
            inputs = self._now.inputs
            batches = inputs.training(self._epoch * inputs.steps).take(count)
            self._now.reestimate(images for images, *_ in batches)
        logs = self._now.network.evaluate(
            self._now.inputs.validation,
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
        """Write a checkpoint, unless there is one of just here; return whether there is one now."""
        here = self._epoch, self._step
        if self._kept == here:
            return True
        arrays = {owner: values(variables) for owner, variables in self._owned().items()}
        # Between epochs they have counted validation, which no epoch goes on with.
        arrays["metrics"] = values(self._now.network.metrics_variables) if self._step else []
        arrays["best"] = list(self.policy.best_weights)
        notes = {
            "policy": dataclasses.asdict(self.policy.state),
            "rows": self._log.rows,
            "times": self._log.times,
        }
        saved = self._state.save(Checkpoint(*here, arrays, notes))
        if saved:
            self._kept = here
            self.saved.append(saved)
        return saved is not None

    def _resume(self, checkpoint: Checkpoint) -> None:
        for owner, variables in self._owned().items():
            assign(variables, checkpoint.arrays.get(owner, []))
        self._epoch, self._step = self._kept = checkpoint.epoch, checkpoint.step
        self._metrics = checkpoint.arrays.get("metrics", [])
        self.policy.state = PolicyState(**checkpoint.notes["policy"])
        self.policy.best_weights = checkpoint.arrays.get("best", [])
        self._log.rows, self._log.times = checkpoint.notes["rows"], checkpoint.notes["times"]
        print(
            f"Resumed after {self._epoch} epochs and {self._step} steps, from {self._state.folder}",
            flush=True,
        )

    def _owned(self) -> dict[str, Sequence[keras.Variable]]:
        """Return all variables that outlast a step, by their owner, always in the same order."""
        return {
            "network": self._network.variables,
            "optimizer": self._network.optimizer.variables,
        }
