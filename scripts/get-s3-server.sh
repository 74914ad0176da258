#!/bin/sh
# Builds a store for the tests of copies off the host into build/s3/versitygw: Versity's S3 gateway, which other people
# run for their data. Needs Go 1.25 or newer, and about a minute the first time.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/s3
GOBIN=$PWD/build/s3 GOFLAGS=-mod=mod go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
build/s3/versitygw --version
