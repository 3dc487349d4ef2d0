# predict alone, for machines without Python. It needs no network while it runs:
#     docker build --tag leukemia-predict .
#     docker run --rm --network none --volume "$PWD/cells:/cells:ro" leukemia-predict /cells > predictions.csv
FROM python:3.13-slim

WORKDIR /predict
COPY requirements-predict.txt .
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements-predict.txt
COPY stages/common stages/common
COPY stages/dataset stages/dataset
COPY stages/predict stages/predict
COPY stages/__init__.py stages/__init__.py
RUN python -m compileall -q stages
COPY models/model.onnx models/model.onnx

# Not root; a folder that only you may read needs: docker run --user "$(id -u)"
USER 65532:65532
ENTRYPOINT ["python", "-m", "stages.predict"]
