/* SPDX-License-Identifier: MIT */
/*
 * pam_ask.c -- a PAM module that does what its arguments say, in their order: for tests.
 *
 *     secret=TEXT open=TEXT      prompts without and with echo; each must be answered with TEXT
 *     info=TEXT error=TEXT       says it
 *     user=NAME                  makes another user of it
 *     delay=MS                   asks PAM to wait after a failure
 *     fail                       fails as a wrong password does
 *     hang                       waits for ever
 *
 * An underscore in a TEXT is a space. It is not installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_modules.h>

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv);
int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv);

static const char *after(const char *argument, const char *word)
{
    size_t len = strlen(word);

    return strncmp(argument, word, len) == 0 ? argument + len : NULL;
}

/* PAM_SUCCESS, and for a prompt the answer in *answer, which the caller frees. */
static int say(pam_handle_t *pam, int style, const char *argument, char **answer)
{
    char text[512];
    const struct pam_message message = {style, text};
    const struct pam_message *messages = &message;
    struct pam_response *responses = NULL;
    const void *item = NULL;
    const struct pam_conv *conv;
    int ret;

    snprintf(text, sizeof text, "%s", argument);
    for (char *p = text; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    if (pam_get_item(pam, PAM_CONV, &item) != PAM_SUCCESS || !item)
        return PAM_SYSTEM_ERR;
    conv = item;
    ret = conv->conv(1, &messages, &responses, conv->appdata_ptr);
    if (ret == PAM_SUCCESS && responses) {
        if (answer)
            *answer = responses->resp;
        else
            free(responses->resp);
    }
    free(responses);
    return ret;
}

static int ask(pam_handle_t *pam, int style, const char *expected)
{
    char *answer = NULL;
    int ret = say(pam, style, style == PAM_PROMPT_ECHO_ON ? "Town:_" : "Secret:_", &answer);

    if (ret == PAM_SUCCESS && (!answer || strcmp(answer, expected) != 0))
        ret = PAM_AUTH_ERR;
    free(answer);
    return ret;
}

static int do_one(pam_handle_t *pam, const char *argument)
{
    const char *value;

    if ((value = after(argument, "secret=")))
        return ask(pam, PAM_PROMPT_ECHO_OFF, value);
    if ((value = after(argument, "open=")))
        return ask(pam, PAM_PROMPT_ECHO_ON, value);
    if ((value = after(argument, "info=")))
        return say(pam, PAM_TEXT_INFO, value, NULL);
    if ((value = after(argument, "error=")))
        return say(pam, PAM_ERROR_MSG, value, NULL);
    if ((value = after(argument, "user=")))
        return pam_set_item(pam, PAM_USER, value);
    if ((value = after(argument, "delay=")))
        return pam_fail_delay(pam, (unsigned)atoi(value) * 1000);
    if (strcmp(argument, "hang") == 0)
        for (;;)
            pause();
    return PAM_AUTH_ERR;
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    int ret = PAM_SUCCESS;

    (void)flags;
    for (int i = 0; i < argc && ret == PAM_SUCCESS; i++)
        ret = do_one(pam, argv[i]);
    return ret;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
