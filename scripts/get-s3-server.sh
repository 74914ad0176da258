#!/bin/sh
# Builds the S3 server for the tests of copies off the host: Versity's S3 gateway, as build/s3/versitygw. Needs Go 1.25 or
# newer; the first build takes about a minute.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/s3
GOBIN=$PWD/build/s3 GOFLAGS=-mod=mod go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
build/s3/versitygw --version
