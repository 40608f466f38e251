/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_file.h - the sink that appends to a file, standard output or a FIFO.
 *
 * A file is opened for append and made if missing.  "-" and "/dev/stdout" are standard output.
 * A FIFO is written while somebody reads it, and each reader gets the header.
 * A file that somebody renames, removes or empties is followed; it is rotated if options say so.
 */
#ifndef SINK_FILE_H
#define SINK_FILE_H

#include <sys/types.h>

#include <ulogd/plugin.h>

#include "rotate.h"
#include "sink.h"

/** When what was written is brought to the disk, see fdatasync(2). */
enum file_fsync {
	FILE_FSYNC_NONE,	/* when the kernel likes to */
	FILE_FSYNC_BATCH,	/* when everything that waited is written */
	FILE_FSYNC_INTERVAL,	/* once a second */
};

/** How files are made and kept; zeroed: as the umask says, and for ever. */
struct file_options {
	struct rotate_options rotate;
	enum file_fsync fsync;
	bool has_mode, has_group;
	mode_t mode;		/* of files that are made, whatever the umask is */
	gid_t group;
};

extern const struct sink_ops sink_file_ops;

/** Gives a file other options, from the next records on; what stands there already stays as it is. */
void sink_file_adjust(struct sink *sink, const struct file_options *options);

/** The dest of a sink_file: a copy of @file and @options.  NULL: no memory. */
void *sink_file_dest(const struct ulogd_file *file, const struct file_options *options);

#endif /* SINK_FILE_H */
