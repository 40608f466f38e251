/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink_file.h - the sink that appends to a file; the sink's name is the file's. */
#ifndef SINK_FILE_H
#define SINK_FILE_H

#include "sink.h"

extern const struct sink_ops sink_file_ops;

#endif /* SINK_FILE_H */
