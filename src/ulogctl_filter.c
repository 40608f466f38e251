// SPDX-License-Identifier: GPL-2.0-or-later
/* Which events `ulogctl tail' and `top' show. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ulogctl_filter.h"

#define DEPTH_MAX 64	/* parentheses and nots, one in the other */

enum kind { AND, OR, NOT, EQ, NE, LT, LE, GT, GE, CONTAINS };

struct filter {
	enum kind kind;
	struct filter *left, *right;	/* AND, OR; NOT: left */
	char *key, *value;		/* comparisons */
	double number;			/* of value, if it is one */
	bool numeric;
};

struct parser {
	const char *text, *p;
	const char *why;
	size_t position;
	unsigned int depth;
};

static const struct {
	const char *text;
	enum kind kind;
} operators[] = {	/* the longer ones first */
	{ "!=", NE }, { "<=", LE }, { ">=", GE }, { "=", EQ }, { "<", LT }, { ">", GT }, { "~", CONTAINS },
};

void filter_free(struct filter *f)
{
	if (!f)
		return;
	filter_free(f->left);
	filter_free(f->right);
	free(f->key);
	free(f->value);
	free(f);
}

static void *refuse(struct parser *ps, const char *why)
{
	if (!ps->why) {
		ps->why = why;
		ps->position = (size_t)(ps->p - ps->text);
	}
	return NULL;
}

static void blanks_skip(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

/* The characters of a word that is not quoted. */
static size_t word_len(const char *p)
{
	return strcspn(p, " \t\r\n()=!<>~\"");
}

/* True, and behind it, when the next word is @word. */
static bool word_take(struct parser *ps, const char *word)
{
	blanks_skip(ps);
	if (word_len(ps->p) != strlen(word) || strncasecmp(ps->p, word, strlen(word)) != 0)
		return false;
	ps->p += strlen(word);
	return true;
}

/* A word, or anything in quotes, to be freed. */
static char *word_read(struct parser *ps, const char *missing)
{
	char *word;
	size_t len;

	blanks_skip(ps);
	if (*ps->p == '"') {
		const char *end = strchr(ps->p + 1, '"');

		if (!end)
			return refuse(ps, "the quote is not closed");
		word = strndup(ps->p + 1, (size_t)(end - ps->p - 1));
		ps->p = end + 1;
	} else {
		len = word_len(ps->p);
		if (len == 0)
			return refuse(ps, missing);
		word = strndup(ps->p, len);
		ps->p += len;
	}
	return word ? word : refuse(ps, "out of memory");
}

static struct filter *filter_new(struct parser *ps, enum kind kind)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (!f)
		return refuse(ps, "out of memory");
	f->kind = kind;
	return f;
}

static struct filter *comparison_read(struct parser *ps)
{
	struct filter *f = filter_new(ps, EQ);
	size_t op;
	char *end;

	if (!f)
		return NULL;
	f->key = word_read(ps, "a key is missing");
	if (!f->key)
		goto err_free;
	blanks_skip(ps);
	for (op = 0; op < sizeof(operators) / sizeof(operators[0]); op++)
		if (strncmp(ps->p, operators[op].text, strlen(operators[op].text)) == 0)
			break;
	if (op == sizeof(operators) / sizeof(operators[0])) {
		refuse(ps, "an operator is missing: = != < <= > >= ~");
		goto err_free;
	}
	ps->p += strlen(operators[op].text);
	f->kind = operators[op].kind;
	f->value = word_read(ps, "a value is missing");
	if (!f->value)
		goto err_free;
	f->number = strtod(f->value, &end);
	f->numeric = end != f->value && *end == '\0';
	return f;

err_free:
	filter_free(f);
	return NULL;
}

static struct filter *or_read(struct parser *ps);

static struct filter *unary_read(struct parser *ps)
{
	struct filter *f = NULL;

	if (++ps->depth > DEPTH_MAX)
		return refuse(ps, "too many parentheses");
	blanks_skip(ps);
	if (*ps->p == '(') {
		ps->p++;
		f = or_read(ps);
		blanks_skip(ps);
		if (f && *ps->p != ')') {
			refuse(ps, "a closing parenthesis is missing");
			filter_free(f);
			f = NULL;
		}
		ps->p += f != NULL;
	} else if (word_take(ps, "not")) {
		f = filter_new(ps, NOT);
		if (f && !(f->left = unary_read(ps))) {
			filter_free(f);
			f = NULL;
		}
	} else {
		f = comparison_read(ps);
	}
	ps->depth--;
	return f;
}

/* Operands of @read, joined by @word. */
static struct filter *joined_read(struct parser *ps, const char *word, enum kind kind,
				  struct filter *(*read)(struct parser *ps))
{
	struct filter *left = read(ps), *f;

	while (left && word_take(ps, word)) {
		f = filter_new(ps, kind);
		if (!f) {
			filter_free(left);
			return NULL;
		}
		f->left = left;
		f->right = read(ps);
		if (!f->right) {
			filter_free(f);
			return NULL;
		}
		left = f;
	}
	return left;
}

static struct filter *and_read(struct parser *ps)
{
	return joined_read(ps, "and", AND, unary_read);
}

static struct filter *or_read(struct parser *ps)
{
	return joined_read(ps, "or", OR, and_read);
}

struct filter *filter_parse(const char *text, const char **why, size_t *position)
{
	struct parser ps = { .text = text, .p = text };
	struct filter *f = or_read(&ps);

	blanks_skip(&ps);
	if (f && *ps.p) {
		refuse(&ps, "\"and\" or \"or\" is missing");
		filter_free(f);
		f = NULL;
	}
	*why = ps.why;
	*position = ps.position;
	return f;
}

/* How the event's value and that of the expression compare: as numbers if both are. */
static int compare(const struct filter *f, const json_t *value, const char *text)
{
	double number = json_number_value(value);

	if (json_is_number(value) && f->numeric)
		return number < f->number ? -1 : number > f->number;
	return strcmp(text, f->value);
}

static bool comparison_match(const struct filter *f, const json_t *event)
{
	const json_t *value = json_object_get(event, f->key);
	const char *text = json_string_value(value);
	char digits[32];
	int order;

	/* What is not there is different from everything, and neither less nor more. */
	if (!value || json_is_null(value))
		return f->kind == NE;
	if (json_is_integer(value))
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(digits, sizeof(digits), "%.17g", json_real_value(value));
	else
		snprintf(digits, sizeof(digits), "%s", json_is_true(value) ? "true" : "false");
	if (!text)
		text = digits;
	if (f->kind == CONTAINS)
		return strstr(text, f->value);
	order = compare(f, value, text);
	switch (f->kind) {
	case EQ:
		return order == 0;
	case NE:
		return order != 0;
	case LT:
		return order < 0;
	case LE:
		return order <= 0;
	case GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

bool filter_match(const struct filter *f, const json_t *event)
{
	switch (f->kind) {
	case AND:
		return filter_match(f->left, event) && filter_match(f->right, event);
	case OR:
		return filter_match(f->left, event) || filter_match(f->right, event);
	case NOT:
		return !filter_match(f->left, event);
	default:
		return comparison_match(f, event);
	}
}
