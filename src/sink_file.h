/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_file.h - the sink that appends to a file, standard output or a FIFO.
 *
 * A file is opened for append and made if missing.  "-" and "/dev/stdout" are standard output.
 * A FIFO is written while somebody reads it, and each reader gets the header.
 */
#ifndef SINK_FILE_H
#define SINK_FILE_H

#include <ulogd/plugin.h>

#include "sink.h"

extern const struct sink_ops sink_file_ops;

/** The dest of a sink_file: a copy of @file.  NULL: no memory. */
void *sink_file_dest(const struct ulogd_file *file);

#endif /* SINK_FILE_H */
