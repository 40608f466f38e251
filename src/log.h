/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - the daemon's own messages.
 *
 * The main thread writes them.  Messages of other threads wait in a small ring
 * until the main thread flushes it, so that no lane ever waits for the log's disk.
 *
 * A file that was renamed or removed is opened anew before the next line.  Lines that it does not
 * take, because the disk is full for example, are counted, which is said when it takes lines again;
 * that it fails is said once on stderr, or without a terminal in syslog.
 */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <ulogd/plugin.h>

/** Must come first; the calling thread becomes the one that writes. */
int log_init(void);

/** Flushes, then closes the destination; messages go to stderr again. */
void log_fini(void);

/**
 * Sends messages to @dest from now on: "stdout", "syslog" or the name of a file, which is
 * opened for append.  NULL: stderr.
 * Returns 0 or a negative errno, the old destination staying in use.
 */
int log_open(const char *dest);

/** Opens the file again, after it was moved away.  On error the old one stays in use. */
int log_reopen(void);

/** The threshold: messages below it are not written. */
void log_set_level(int level);

/** Copies every message of the log to stderr (-v). */
void log_set_verbose(bool verbose);

/** Messages on stderr are for somebody who waits for them: without date, level and place. */
void log_set_plain(bool plain);

/** While starting, errors are shown on stderr too, whatever the destination. */
void log_set_starting(bool starting);

/** The daemon has no terminal any more: nothing is written to stderr from now on. */
void log_detach(void);

/** The destination as the user knows it: a file's name, "stdout", "syslog", "stderr". */
const char *log_destination(void);

/** Becomes readable when another thread has left a message: call log_flush() then. */
int log_fd(void);
void log_flush(void);

/** Gives @listen each message of at least @level of the main thread, be it written or not; NULL: nobody. */
void log_listen(int level, void (*listen)(const char *text, void *arg), void *arg);

#define log_debug(...)	log_at(__FILE__, __LINE__, ULOGD_DEBUG, __VA_ARGS__)
#define log_info(...)	log_at(__FILE__, __LINE__, ULOGD_INFO, __VA_ARGS__)
#define log_notice(...)	log_at(__FILE__, __LINE__, ULOGD_NOTICE, __VA_ARGS__)
#define log_error(...)	log_at(__FILE__, __LINE__, ULOGD_ERROR, __VA_ARGS__)
#define log_fatal(...)	log_at(__FILE__, __LINE__, ULOGD_FATAL, __VA_ARGS__)

/** One message of one line, without a newline.  @file and @line say where it comes from. */
void log_at(const char *file, int line, int level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void log_vat(const char *file, int line, int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

/** Milliseconds of the monotonic clock. */
int64_t log_now_ms(void);

#endif /* LOG_H */
