/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - a fuzz target, as libFuzzer and driver.c call it. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Runs the code under test on @data, which it must survive whatever it is.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* FUZZ_H */
