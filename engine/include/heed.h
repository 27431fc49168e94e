/** @file
 * Heed's C interface: all that an application sees of the engine. C99, C11 and C++ compile it.
 *
 *     heed_model* model = NULL;
 *     heed_session* session = NULL;
 *     if (heed_model_load("smollm2", NULL, &model) == HEED_OK &&
 *         heed_session_new(model, NULL, &session) == HEED_OK) { ... }
 *     heed_session_free(session);
 *     heed_model_free(model);
 *
 * Rules that hold for every function:
 *
 * - It returns a status. Where that is not HEED_OK, heed_last_error() has one sentence that says
 *   what was expected and what was found, and nothing was changed unless the function says so.
 * - Handles are opaque and never reused: a null handle or one that was freed is
 *   HEED_INVALID_HANDLE, not a crash. Freeing null does nothing.
 * - Structs begin with their size. Set them up with their init function, which fills in the
 *   defaults, and change what should differ; a null pointer stands for the defaults. A library
 *   newer than the program then knows which members the program has.
 * - Text is UTF-8. Texts given as `text, length` need no end mark; HEED_TERMINATED as the length
 *   means up to the first zero byte. Paths, names and types always end with a zero byte.
 * - Results go to memory of the caller: `count` (or `length`) says how many elements (bytes) there
 *   is room for (a null buffer has none), and becomes how many there are. If they do not fit, the
 *   status is HEED_BUFFER_TOO_SMALL and the count says how many are needed: call again. Texts have
 *   no zero byte at the end, unless there is room for one.
 * - A model may be used by any number of threads at once. A session serves one call at a time: a
 *   second one gets HEED_BUSY; heed_session_cancel alone may come from any thread at any time.
 * - The library never prints, exits or aborts, and lets no exception out. Callbacks run on the
 *   thread that made the call, and must not throw either, nor call functions of the same session.
 */
#ifndef HEED_H
#define HEED_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HEED_API __attribute__((visibility("default")))
#else
#define HEED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heed_model heed_model;
typedef struct heed_session heed_session;

/** Index into a model's vocabulary. */
typedef int32_t heed_token;

/** As the length of a text: it ends with a zero byte. */
#define HEED_TERMINATED ((size_t)-1)

/* ---- errors ---------------------------------------------------------------------------------- */

typedef enum heed_status {
  HEED_OK = 0,
  HEED_INVALID_HANDLE = 1,   /**< null, freed, or a handle of another kind */
  HEED_INVALID_ARGUMENT = 2, /**< out of range, or contradicts another argument */
  HEED_BUFFER_TOO_SMALL = 3, /**< the count says how much is needed */
  HEED_IO = 4,               /**< a file could not be read or written */
  HEED_FORMAT = 5,           /**< a file's content is not what its format promises */
  HEED_UNSUPPORTED = 6,      /**< well-formed, but not something this model or build can do */
  HEED_LIMIT = 7,            /**< more than the model, the context or a named cap allows */
  HEED_OUT_OF_MEMORY = 8,
  HEED_BUSY = 9,       /**< another call of this session has not returned */
  HEED_CANCELLED = 10, /**< by heed_session_cancel, or by a callback */
  HEED_INTERNAL = 11   /**< a fault of the library's own */
} heed_status;

/** The sentence of the last call of this thread that failed; "" if none has. Valid until the
 *  thread's next call. Any thread. */
HEED_API const char* heed_last_error(void);

/** "HEED_LIMIT"; "unknown" for numbers that are no status. Any thread.
 *  @code
 *  heed_status status = heed_rewind(NULL, 0);
 *  printf("%s: %s\n", heed_status_name(status), heed_last_error());
 *  @endcode */
HEED_API const char* heed_status_name(int status);

/** "0.1.0": of the library. Any thread.
 *  @code
 *  printf("heed %s\n", heed_version());
 *  @endcode */
HEED_API const char* heed_version(void);

/* ---- models ---------------------------------------------------------------------------------- */

/** Called when `done` of `all` is done: bytes of a file that is loaded or converted, texts that are
 *  embedded, tokens that are measured or verified. Returning 0 cancels the work, anything else goes
 *  on. */
typedef int (*heed_progress_callback)(void* user, int64_t done, int64_t all);

/** Receives a text, whole characters only, in one piece or in several. What returning 0 does is
 * said where the callback is given. */
typedef int (*heed_text_callback)(void* user, const char* text, size_t length);

/** Receives what the library has to say while it works, a sentence at a time. */
typedef void (*heed_log_callback)(void* user, const char* message);

typedef struct heed_load_params {
  size_t size;
  int32_t exact;           /**< 1: dequantised weights and F32 arithmetic: the reference. 0 */
  int32_t map;             /**< 1: map the file; 0: read it into memory. 1 */
  int32_t vocabulary_only; /**< 1: tokenizer and chat template, no weights: no session. 0 */
  int32_t threads;         /**< that pack the weights; 0: the machine's. 0 */
  heed_progress_callback progress; /**< null: none */
  void* progress_user;
  heed_log_callback log; /**< null: none */
  void* log_user;
} heed_load_params;

HEED_API void heed_load_params_init(heed_load_params* params);

/** Loads a GGUF file, given by its path or by its name in the model store. `params` may be null.
 *  HEED_IO, HEED_FORMAT, HEED_UNSUPPORTED name file and tensor. Any thread.
 *  @code
 *  heed_load_params params;
 *  heed_load_params_init(&params);
 *  params.exact = 1;
 *  heed_model* exact = NULL;
 *  if (heed_model_load(model_path, &params, &exact) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  heed_model_free(exact);
 *  @endcode */
HEED_API heed_status heed_model_load(const char* name_or_path, const heed_load_params* params,
                                     heed_model** model);

/** The same of a file's bytes, which begin at a multiple of 8 and must outlive the model.
 *  @code
 *  heed_model* again = NULL;
 *  if (heed_model_load_memory(model_bytes, model_length, NULL, &again) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  heed_model_free(again);
 *  @endcode */
HEED_API heed_status heed_model_load_memory(const void* bytes, size_t length,
                                            const heed_load_params* params, heed_model** model);

/** Frees the handle; sessions that use the model keep what they need. Any thread. */
HEED_API void heed_model_free(heed_model* model);

/** What kind of work a model does: decides which of the sessions' functions it takes. */
typedef enum heed_model_kind {
  HEED_DECODER = 0,        /**< eval, generate, score */
  HEED_ENCODER = 1,        /**< embed */
  HEED_ENCODER_DECODER = 2 /**< translate, score_pairs */
} heed_model_kind;

typedef struct heed_model_info {
  size_t size;
  const char* path; /**< texts live as long as the handle */
  const char* architecture;
  const char* name; /**< as the file gives it */
  const char* isa;  /**< kernels in use: "avx512" */
  int32_t kind;     /**< heed_model_kind */
  int32_t exact;
  int64_t parameters;
  int64_t file_bytes;
  int64_t weight_bytes; /**< packed, in memory */
  int64_t width;
  int64_t layers;
  int64_t vocab;
  int64_t context; /**< longest sequence the model was made for */
  int64_t tokens;  /**< that the tokenizer knows */
  heed_token bos;  /**< begins a text; -1: none */
  heed_token eos;  /**< ends one; -1: none */
  double load_seconds;
} heed_model_info;

/** Fills `info`, whose size the caller sets (heed_model_info_init).
 *  @code
 *  heed_model_info info;
 *  heed_model_info_init(&info);
 *  if (heed_model_get_info(model, &info) == HEED_OK) {
 *    printf("%s: %lld tokens\n", info.architecture, (long long)info.vocab);
 *  }
 *  @endcode */
HEED_API heed_status heed_model_get_info(heed_model* model, heed_model_info* info);
HEED_API void heed_model_info_init(heed_model_info* info);

/* ---- text ------------------------------------------------------------------------------------ */

typedef struct heed_encode_params {
  size_t size;
  int32_t add_special;   /**< 1: beginning, end or class tokens, as the model's file says. 1 */
  int32_t parse_special; /**< 1: "<|im_end|>" in the text is that token. 1 */
} heed_encode_params;

HEED_API void heed_encode_params_init(heed_encode_params* params);

/** The tokens of a text. `ranges`, if not null, has room for twice as many numbers: where each
 *  token's bytes begin and end in the text. Any thread.
 *  @code
 *  heed_encode_params params;
 *  heed_encode_params_init(&params);
 *  params.add_special = 0;
 *  heed_token tokens[64];
 *  size_t count = 64;
 *  if (heed_encode(model, "a b c", HEED_TERMINATED, &params, tokens, NULL, &count) == HEED_OK) {
 *    printf("%zu tokens\n", count);
 *  }
 *  @endcode */
HEED_API heed_status heed_encode(heed_model* model, const char* text, size_t length,
                                 const heed_encode_params* params, heed_token* tokens,
                                 int64_t* ranges, size_t* count);

/** The text of tokens, valid UTF-8; `skip_special` leaves out control tokens. Any thread.
 *  @code
 *  const heed_token tokens[] = {3, 4};
 *  char text[64];
 *  size_t length = sizeof text;
 *  heed_decode(model, tokens, 2, 1, text, &length);
 *  @endcode */
HEED_API heed_status heed_decode(heed_model* model, const heed_token* tokens, size_t count,
                                 int32_t skip_special, char* text, size_t* length);

/** A token as the vocabulary writes it: bytes that may be part of a character. Any thread.
 *  @code
 *  char piece[32];
 *  size_t length = sizeof piece;
 *  if (heed_token_piece(model, 5, piece, &length) == HEED_OK) {
 *    printf("token 5: %.*s\n", (int)length, piece);
 *  }
 *  @endcode */
HEED_API heed_status heed_token_piece(heed_model* model, heed_token token, char* piece,
                                      size_t* length);

/** The same of a token of heed_encode: another one where a translator's source language has a
 *  vocabulary of its own. Any thread.
 *  @code
 *  char piece[32];
 *  size_t length = sizeof piece;
 *  if (heed_source_token_piece(model, 5, piece, &length) == HEED_OK) {
 *    printf("source token 5: %.*s\n", (int)length, piece);
 *  }
 *  @endcode */
HEED_API heed_status heed_source_token_piece(heed_model* model, heed_token token, char* piece,
                                             size_t* length);

/** Whether a token ends an answer: end of text, of a turn. Any thread.
 *  @code
 *  int32_t ends = 0;
 *  if (heed_token_ends_generation(model, 2, &ends) == HEED_OK && ends) puts("2 ends an answer");
 *  @endcode */
HEED_API heed_status heed_token_ends_generation(heed_model* model, heed_token token, int32_t* ends);

typedef struct heed_message {
  const char* role; /**< "system", "user", "assistant" */
  const char* content;
} heed_message;

/** The prompt that the model's chat template makes of a conversation; with
 *  `add_generation_prompt` it ends where the assistant begins to speak. HEED_UNSUPPORTED without a
 *  template. Any thread.
 *  @code
 *  const heed_message messages[] = {{"user", "Hello!"}};
 *  char prompt[1024];
 *  size_t length = sizeof prompt;
 *  if (heed_chat_prompt(model, messages, 1, 1, prompt, &length) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  @endcode */
HEED_API heed_status heed_chat_prompt(heed_model* model, const heed_message* messages, size_t count,
                                      int32_t add_generation_prompt, char* prompt, size_t* length);

/** The same of a JSON object {"messages": ..., "tools": ...}; special tokens are filled in.
 *  @code
 *  const char* json = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";
 *  char prompt[1024];
 *  size_t length = sizeof prompt;
 *  heed_chat_prompt_json(model, json, HEED_TERMINATED, prompt, &length);
 *  @endcode */
HEED_API heed_status heed_chat_prompt_json(heed_model* model, const char* json, size_t json_length,
                                           char* prompt, size_t* length);

/** The file's chat template; empty if it has none. Any thread.
 *  @code
 *  char source[4096];
 *  size_t length = sizeof source;
 *  if (heed_chat_template(model, source, &length) == HEED_OK && length > 0) puts("it can chat");
 *  @endcode */
HEED_API heed_status heed_chat_template(heed_model* model, char* source, size_t* length);

/** What a Jinja chat template makes of the variables of a JSON object. HEED_FORMAT has the line.
 *  Any thread.
 *  @code
 *  char text[64];
 *  size_t length = sizeof text;
 *  heed_render_template("Hello, {{ name }}!", HEED_TERMINATED, "{\"name\": \"world\"}",
 *                       HEED_TERMINATED, text, &length);
 *  @endcode */
HEED_API heed_status heed_render_template(const char* source, size_t source_length,
                                          const char* json, size_t json_length, char* text,
                                          size_t* length);

/* ---- sessions -------------------------------------------------------------------------------- */

/** Number type of keys and values in the cache. Q8: 8 bits, with a scale for each key and value of
 * a head, for heads of up to 512 numbers: half of the memory of bf16, and a long context is read in
 * two thirds of the time. Encoders, which have no cache, take bf16 instead. */
typedef enum heed_kv_type {
  HEED_KV_F32 = 0,
  HEED_KV_BF16 = 1,
  HEED_KV_F16 = 2,
  HEED_KV_Q8 = 3
} heed_kv_type;

typedef struct heed_session_params {
  size_t size;
  int64_t context; /**< tokens the cache holds; 0: the model's own, at most 4,096. 0 */
  int64_t ubatch;  /**< tokens computed at once when a prompt is read. 512 */
  int32_t threads; /**< 0: the machine's. 0 */
  int32_t kv_type; /**< heed_kv_type; an exact model always uses f32. HEED_KV_BF16 */
  int32_t profile; /**< 1: measure steps, for heed_session_profile. 0 */
  int32_t reserved;
} heed_session_params;

HEED_API void heed_session_params_init(heed_session_params* params);

/** A conversation with a model, or a worker that embeds or translates. Any thread.
 *  @code
 *  heed_session_params params;
 *  heed_session_params_init(&params);
 *  params.context = 64;
 *  params.threads = 1;
 *  heed_session* one = NULL;
 *  if (heed_session_new(model, &params, &one) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  heed_session_free(one);
 *  @endcode */
HEED_API heed_status heed_session_new(heed_model* model, const heed_session_params* params,
                                      heed_session** session);

/** Frees the handle; a call that another thread has not returned from goes on to its end. */
HEED_API void heed_session_free(heed_session* session);

/** Bytes of cache and working memory that a session will have: nothing is made. Of an
 *  encoder-decoder, whose memory depends on what it translates, 0. Any thread.
 *  @code
 *  int64_t bytes = 0;
 *  if (heed_session_memory(model, NULL, &bytes) == HEED_OK) printf("%lld\n", (long long)bytes);
 *  @endcode */
HEED_API heed_status heed_session_memory(heed_model* model, const heed_session_params* params,
                                         int64_t* bytes);

typedef struct heed_session_info {
  size_t size;
  int64_t context;      /**< tokens the cache holds */
  int64_t position;     /**< tokens in it */
  int64_t memory_bytes; /**< of cache and working memory */
  int32_t threads;
  int32_t reserved;
} heed_session_info;

HEED_API void heed_session_info_init(heed_session_info* info);

/** Fills `info`, whose size its init function has set.
 *  @code
 *  heed_session_info info;
 *  heed_session_info_init(&info);
 *  if (heed_session_get_info(session, &info) == HEED_OK) {
 *    printf("%lld of %lld tokens\n", (long long)info.position, (long long)info.context);
 *  }
 *  @endcode */
HEED_API heed_status heed_session_get_info(heed_session* session, heed_session_info* info);

/** Makes the call that is at work return HEED_CANCELLED after the token, or the batch, that it is
 *  at, and heed_generate_next for an answer that is made a piece at a time; else does nothing. Any
 *  thread, also while another call is at work.
 *  @code
 *  heed_session_cancel(session);
 *  @endcode */
HEED_API heed_status heed_session_cancel(heed_session* session);

/** Appends tokens to the cache. `logits`, if not null, gets those of the last token: as many as
 *  the vocabulary has; `count` may be null with it. HEED_LIMIT, before any work, if the tokens do
 *  not fit.
 *  @code
 *  const heed_token prompt[] = {3, 4, 5};
 *  float* logits = malloc(sizeof(float) * (size_t)vocab);
 *  size_t count = (size_t)vocab;
 *  heed_eval(session, prompt, 3, logits, &count);
 *  free(logits);
 *  @endcode */
HEED_API heed_status heed_eval(heed_session* session, const heed_token* tokens, size_t token_count,
                               float* logits, size_t* count);

/** Receives the logits [vocab] of a row; they are valid during the call. Returning 0 cancels. */
typedef int (*heed_logits_callback)(void* user, int64_t row, const float* logits, size_t vocab);

/** Appends tokens and hands out the logits of every one of them, in order.
 *  @code
 *  const heed_token tokens[] = {3, 4, 5};
 *  heed_eval_all(session, tokens, 3, look_at_logits, NULL);
 *  @endcode */
HEED_API heed_status heed_eval_all(heed_session* session, const heed_token* tokens, size_t count,
                                   heed_logits_callback callback, void* user);

/** Forgets all tokens from `position` on.
 *  @code
 *  heed_rewind(session, 0);
 *  @endcode */
HEED_API heed_status heed_rewind(heed_session* session, int64_t position);

/** The tokens in the cache.
 *  @code
 *  heed_token tokens[64];
 *  size_t count = 64;
 *  if (heed_session_tokens(session, tokens, &count) == HEED_OK) printf("%zu cached\n", count);
 *  @endcode */
HEED_API heed_status heed_session_tokens(heed_session* session, heed_token* tokens, size_t* count);

/** Writes the tokens and their keys and values to a file, whole or not at all.
 *  @code
 *  heed_session_save(session, state_path);
 *  @endcode */
HEED_API heed_status heed_session_save(heed_session* session, const char* path);

/** Takes up what a session of the same model and kv type has saved, in this process or another:
 *  what it says next is the same, bit for bit. HEED_FORMAT for a damaged file, HEED_UNSUPPORTED
 *  naming what differs for one of another model or version, HEED_LIMIT for a context that is too
 *  small. On failure the cache is empty.
 *  @code
 *  if (heed_session_restore(session, state_path) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  @endcode */
HEED_API heed_status heed_session_restore(heed_session* session, const char* path);

/* ---- generating ------------------------------------------------------------------------------ */

typedef struct heed_logit_bias {
  heed_token token;
  float bias; /**< added to the token's logit; -INFINITY forbids it */
} heed_logit_bias;

typedef struct heed_generate_params {
  size_t size;
  int64_t max_tokens;      /**< -1: until the model ends or the context is full. -1 */
  float temperature;       /**< 0: the likeliest token. 0 */
  int32_t top_k;           /**< keep the k likeliest; 0: all. 40 */
  float top_p;             /**< keep the likeliest that sum to p; 1: all. 0.95 */
  float min_p;             /**< drop what is less likely than min_p times the likeliest. 0.05 */
  float repeat_penalty;    /**< 1: none. 1 */
  float presence_penalty;  /**< 0 */
  float frequency_penalty; /**< 0 */
  int32_t repeat_last_n;   /**< tokens the penalties look back on; -1: all. 64 */
  uint64_t seed;           /**< 0 */
  const heed_logit_bias* logit_bias;
  size_t logit_bias_count;
  const char* const* stop; /**< texts that end the answer, and are not part of it */
  size_t stop_count;
  int32_t ignore_eos; /**< 1: go on where the model would end. 0 */
  int32_t reserved;
  heed_text_callback on_text; /**< gets text as it is made; returning 0 stops. null: none */
  void* user;
} heed_generate_params;

HEED_API void heed_generate_params_init(heed_generate_params* params);

typedef enum heed_stop_reason {
  HEED_STOP_END_OF_TEXT = 0,
  HEED_STOP_MAX_TOKENS = 1,
  HEED_STOP_TEXT = 2,
  HEED_STOP_CONTEXT_FULL = 3,
  HEED_STOP_CALLBACK = 4
} heed_stop_reason;

typedef struct heed_generation {
  size_t size;
  int32_t reason; /**< heed_stop_reason */
  int32_t reserved;
  int64_t tokens;        /**< made */
  int64_t prompt_tokens; /**< given */
  int64_t cached_tokens; /**< of these, already in the cache */
  double prefill_seconds;
  double decode_seconds; /**< of all tokens but the first */
} heed_generation;

HEED_API void heed_generation_init(heed_generation* generation);

/** Answers a prompt given as the whole conversation so far: what the cache holds of it already is
 *  not computed again. `result` may be null; heed_session_answer has the tokens and the text.
 *  @code
 *  heed_generate_params params;
 *  heed_generate_params_init(&params);
 *  params.max_tokens = 4;
 *  const heed_token prompt[] = {3, 4, 5};
 *  heed_generation result;
 *  heed_generation_init(&result);
 *  if (heed_generate(session, prompt, 3, &params, &result) == HEED_OK) {
 *    printf("%lld tokens\n", (long long)result.tokens);
 *  }
 *  @endcode */
HEED_API heed_status heed_generate(heed_session* session, const heed_token* prompt, size_t count,
                                   const heed_generate_params* params, heed_generation* result);

/** The same a piece at a time, where the caller has a loop of its own: reads the prompt, after
 * which heed_generate_next makes a token more each time. The parameters' callback is not used. Any
 * other call that changes the cache ends the answer.
 *  @code
 *  const heed_token prompt[] = {3, 4, 5};
 *  heed_generate_params params;
 *  heed_generate_params_init(&params);
 *  params.max_tokens = 4;
 *  heed_status status = heed_generate_start(session, prompt, 3, &params);
 *  int32_t more = 1;
 *  while (status == HEED_OK && more) {
 *    const char* text = NULL;
 *    size_t length = 0;
 *    status = heed_generate_next(session, &text, &length, &more);
 *    printf("%.*s", (int)length, text);
 *  }
 *  @endcode */
HEED_API heed_status heed_generate_start(heed_session* session, const heed_token* prompt,
                                         size_t count, const heed_generate_params* params);

/** `text` gets what the token completes, whole characters, which may be none; it is valid until the
 *  session's next call. `more` becomes 0 when the answer has ended and all of it has been given. */
HEED_API heed_status heed_generate_next(heed_session* session, const char** text, size_t* length,
                                        int32_t* more);

/** Answers a conversation: heed_generate of the prompt that the model's chat template makes of the
 *  messages, of which the cache keeps what it has. HEED_UNSUPPORTED without a template.
 *  @code
 *  const heed_message messages[] = {{"system", "Be brief."}, {"user", "Hello!"}};
 *  heed_generate_params params;
 *  heed_generate_params_init(&params);
 *  params.max_tokens = 4;
 *  params.on_text = print_text;
 *  if (heed_chat(session, messages, 2, &params, NULL) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  @endcode */
HEED_API heed_status heed_chat(heed_session* session, const heed_message* messages, size_t count,
                               const heed_generate_params* params, heed_generation* result);

/** What the last answer, or the one that is being made, has cost so far.
 *  @code
 *  heed_generation cost;
 *  heed_generation_init(&cost);
 *  if (heed_session_generation(session, &cost) == HEED_OK) {
 *    printf("%lld tokens in %.3f s\n", (long long)cost.tokens, cost.decode_seconds);
 *  }
 *  @endcode */
HEED_API heed_status heed_session_generation(heed_session* session, heed_generation* generation);

/** The last answer's text.
 *  @code
 *  char text[4096];
 *  size_t length = sizeof text;
 *  if (heed_session_answer(session, text, &length) == HEED_OK) printf("%.*s\n", (int)length, text);
 *  @endcode */
HEED_API heed_status heed_session_answer(heed_session* session, char* text, size_t* length);
/** The last answer's tokens.
 *  @code
 *  heed_token tokens[64];
 *  size_t count = 64;
 *  heed_session_answer_tokens(session, tokens, &count);
 *  @endcode */
HEED_API heed_status heed_session_answer_tokens(heed_session* session, heed_token* tokens,
                                                size_t* count);

/** Natural-log probability of each token after the first, given those before it: `count` becomes
 *  one less than there are tokens. The cache is empty before and after.
 *  @code
 *  const heed_token tokens[] = {3, 4, 5};
 *  double logprobs[2];
 *  size_t count = 2;
 *  if (heed_score(session, tokens, 3, logprobs, &count) == HEED_OK) {
 *    printf("%f %f\n", logprobs[0], logprobs[1]);
 *  }
 *  @endcode */
HEED_API heed_status heed_score(heed_session* session, const heed_token* tokens, size_t token_count,
                                double* logprobs, size_t* count);

/* ---- embedding ------------------------------------------------------------------------------- */

/** How one vector is made of a text's tokens. */
typedef enum heed_pooling {
  HEED_POOLING_MODEL = 0, /**< as the model's file says */
  HEED_POOLING_MEAN = 1,
  HEED_POOLING_CLS = 2,
  HEED_POOLING_LAST = 3
} heed_pooling;

typedef struct heed_embed_params {
  size_t size;
  int32_t pooling;   /**< heed_pooling. HEED_POOLING_MODEL */
  int32_t normalize; /**< 1: every vector has length 1. 1 */
  int32_t truncate;  /**< 1: cut texts that are too long; else they are HEED_LIMIT. 0 */
  int32_t reserved;
  int64_t batch_tokens; /**< computed at once. 512 */
  heed_progress_callback progress;
  void* user;
} heed_embed_params;

HEED_API void heed_embed_params_init(heed_embed_params* params);

/** Embeds texts: row i of `embeddings` [text_count, width] is that of text i. `lengths` may be
 *  null: all texts end with a zero byte. `count` counts floats. Any kind of model but an encoder
 *  is HEED_UNSUPPORTED.
 *  @code
 *  const char* texts[] = {"a b", "b"};
 *  heed_embed_params params;
 *  heed_embed_params_init(&params);
 *  params.truncate = 1;
 *  size_t count = 0;
 *  heed_embed(encoder, texts, NULL, 2, &params, NULL, &count);
 *  float* embeddings = malloc(sizeof(float) * count);
 *  heed_embed(encoder, texts, NULL, 2, &params, embeddings, &count);
 *  free(embeddings);
 *  @endcode */
HEED_API heed_status heed_embed(heed_session* session, const char* const* texts,
                                const size_t* lengths, size_t text_count,
                                const heed_embed_params* params, float* embeddings, size_t* count);

/* ---- translating ----------------------------------------------------------------------------- */

/** When a beam search stops, once as many hypotheses have ended as there are beams. */
typedef enum heed_early_stopping {
  HEED_EARLY_NO = 0,   /**< when none that goes on has a better score now */
  HEED_EARLY_YES = 1,  /**< at once */
  HEED_EARLY_NEVER = 2 /**< when none that goes on could ever have a better score */
} heed_early_stopping;

/** -1, and NaN for length_penalty: as the model's file says. */
typedef struct heed_translate_params {
  size_t size;
  int64_t beam_size;  /**< hypotheses followed at once; 1: greedy. -1 */
  int64_t hypotheses; /**< to return, at most beam_size. 1 */
  double length_penalty;
  int64_t min_length;
  int64_t max_length;
  int64_t no_repeat_ngram; /**< no so many tokens in a row come twice; 0: they may. -1 */
  int32_t early_stopping;  /**< heed_early_stopping. -1 */
  int32_t truncate;        /**< 1: cut texts that are too long; else they are HEED_LIMIT. 0 */
  int64_t batch;           /**< texts at work at once. 32 */
  const char* prefix;      /**< that every translation begins with; null: none */
} heed_translate_params;

HEED_API void heed_translate_params_init(heed_translate_params* params);

typedef struct heed_hypothesis {
  const char* text; /**< ends with a zero byte */
  size_t length;
  const heed_token* tokens; /**< with the prefix, without start and end */
  size_t token_count;
  double score; /**< log-probability / tokens ^ length_penalty */
} heed_hypothesis;

/** What a text became. The library makes these structs: newer ones have members at their end. */
typedef struct heed_translation {
  const heed_hypothesis* const* hypotheses; /**< best first */
  size_t count;
  int64_t source_tokens; /**< of the text */
} heed_translation;

/** Receives the translation of text `index`; all of it is valid during the call. Returning 0
 *  cancels. */
typedef int (*heed_translation_callback)(void* user, size_t index,
                                         const heed_translation* translation);

/** Translates texts, and hands the translations out in their order as soon as they are there.
 *  @code
 *  const char* texts[] = {"a b", "b"};
 *  heed_translate_params params;
 *  heed_translate_params_init(&params);
 *  params.beam_size = 4;
 *  heed_translate(translator, texts, NULL, 2, &params, print_translation, NULL);
 *  @endcode */
HEED_API heed_status heed_translate(heed_session* session, const char* const* texts,
                                    const size_t* lengths, size_t text_count,
                                    const heed_translate_params* params,
                                    heed_translation_callback callback, void* user);

/** Receives the tokens of target `index`, its end included, and the natural-log probability of
 *  each. Returning 0 cancels. */
typedef int (*heed_pair_callback)(void* user, size_t index, const heed_token* tokens,
                                  const double* logprobs, size_t count);

/** How likely the model finds given translations: targets[i] of sources[i].
 *  @code
 *  const char* sources[] = {"a b"};
 *  const char* targets[] = {"b"};
 *  heed_score_pairs(translator, sources, targets, 1, look_at_pair, NULL);
 *  @endcode */
HEED_API heed_status heed_score_pairs(heed_session* session, const char* const* sources,
                                      const char* const* targets, size_t count,
                                      heed_pair_callback callback, void* user);

/* ---- converting ------------------------------------------------------------------------------ */

typedef struct heed_pair {
  const char* name;
  const char* value;
} heed_pair;

typedef struct heed_convert_params {
  size_t size;
  const char* type;              /**< "q8_0", "q4_k_m" ...; null: f16 of a directory, else as is */
  const heed_pair* tensor_types; /**< regular expressions of names, and types; the first counts */
  size_t tensor_type_count;
  const heed_pair* metadata; /**< keys and values, as text */
  size_t metadata_count;
  const char* imatrix; /**< a file of heed_write_imatrix; null: measured, if `record` */
  int32_t record;      /**< 1: run the source, for heed_verify and the importance of errors. 1 */
  int32_t threads;     /**< 0: the machine's. 0 */
  heed_progress_callback progress;
  void* user;
} heed_convert_params;

HEED_API void heed_convert_params_init(heed_convert_params* params);

/** Writes a directory of Hugging Face's or CTranslate2's, or a GGUF file, as one GGUF file, whole
 *  or not at all. `report`, which may be null, gets a JSON object: quantized, quantized_twice,
 *  unweighted (matrices; of these errors of all columns count alike), record_problem (why the
 *  source could not be run). Any thread.
 *  @code
 *  heed_convert_params params;
 *  heed_convert_params_init(&params);
 *  params.type = "q8_0";
 *  if (heed_convert(model_path, output_path, &params, NULL, NULL) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  @endcode */
HEED_API heed_status heed_convert(const char* source, const char* out,
                                  const heed_convert_params* params, heed_text_callback report,
                                  void* user);

typedef struct heed_imatrix_params {
  size_t size;
  int64_t context;     /**< tokens of a chunk of text. 512 */
  const char* dataset; /**< the text's name, for the file; null: none */
  int32_t threads;     /**< 0: the machine's. 0 */
  int32_t reserved;
  heed_progress_callback progress;
  void* user;
} heed_imatrix_params;

HEED_API void heed_imatrix_params_init(heed_imatrix_params* params);

/** Measures on a text what each matrix of a model multiplies, for heed_convert_params.imatrix.
 *  `report` as in heed_convert: matrices, tokens, chunks. Any thread.
 *  @code
 *  heed_imatrix_params params;
 *  heed_imatrix_params_init(&params);
 *  params.context = 16;
 *  heed_write_imatrix(model, "a b c a b c", HEED_TERMINATED, output_path, &params, NULL, NULL);
 *  @endcode */
HEED_API heed_status heed_write_imatrix(heed_model* model, const char* text, size_t text_length,
                                        const char* out, const heed_imatrix_params* params,
                                        heed_text_callback report, void* user);

typedef struct heed_verify_params {
  size_t size;
  int32_t threads; /**< 0: the machine's. 0 */
  int32_t reserved;
  heed_progress_callback progress;
  void* user;
} heed_verify_params;

HEED_API void heed_verify_params_init(heed_verify_params* params);

/** How far what a model computes is from its file's record: `report` gets a JSON object with layers
 *  (name, error), drifting (a name, or null), texts, tokens, agreements, divergence, similarity.
 *  HEED_UNSUPPORTED if the file has no record. Any thread.
 *  @code
 *  heed_verify_params params;
 *  heed_verify_params_init(&params);
 *  params.threads = 1;
 *  if (heed_verify(model, &params, print_text, NULL) != HEED_OK) {
 *    fprintf(stderr, "%s\n", heed_last_error());
 *  }
 *  @endcode */
HEED_API heed_status heed_verify(heed_model* model, const heed_verify_params* params,
                                 heed_text_callback report, void* user);

/* ---- files and the machine ------------------------------------------------------------------- */

/** The file that a path, or a name in the model store, means. HEED_IO if there is none.
 *  @code
 *  char path[4096];
 *  size_t length = sizeof path;
 *  if (heed_find_model(model_path, path, &length) == HEED_OK) printf("%.*s\n", (int)length, path);
 *  @endcode */
HEED_API heed_status heed_find_model(const char* name_or_path, char* path, size_t* length);

/** The directory of the model store.
 *  @code
 *  char path[4096];
 *  size_t length = sizeof path;
 *  heed_model_store(path, &length);
 *  @endcode */
HEED_API heed_status heed_model_store(char* path, size_t* length);

/** Names of the models in the store: a JSON array of strings, sorted.
 *  @code
 *  char names[4096];
 *  size_t length = sizeof names;
 *  if (heed_list_models(names, &length) == HEED_OK) printf("%.*s\n", (int)length, names);
 *  @endcode */
HEED_API heed_status heed_list_models(char* names, size_t* length);

/** What a GGUF file's header holds: a JSON object with path, architecture, parameters, bytes,
 *  metadata (an array of [key, value as text]) and tensors (name, type, shape, bytes).
 *  @code
 *  size_t length = 0;
 *  if (heed_inspect(model_path, NULL, &length) == HEED_BUFFER_TOO_SMALL) {
 *    char* json = malloc(length);
 *    heed_inspect(model_path, json, &length);
 *    free(json);
 *  }
 *  @endcode */
HEED_API heed_status heed_inspect(const char* name_or_path, char* json, size_t* length);

/** The graph of layers that a file describes, a layer a line; with `dot`, as a DOT digraph.
 *  @code
 *  char text[4096];
 *  size_t length = sizeof text;
 *  if (heed_describe_graph(model_path, 0, text, &length) == HEED_OK) {
 *    printf("%.*s", (int)length, text);
 *  }
 *  @endcode */
HEED_API heed_status heed_describe_graph(const char* name_or_path, int32_t dot, char* text,
                                         size_t* length);

/** The machine: a JSON object with cpu, features (an array of [name, present]), isas, isa,
 *  isa_reason, threads, memory_bytes.
 *  @code
 *  char json[4096];
 *  size_t length = sizeof json;
 *  heed_machine_info(json, &length);
 *  @endcode */
HEED_API heed_status heed_machine_info(char* json, size_t* length);

/** Measures the machine's limits, in about two seconds and 1 GiB: `report` gets a JSON object with
 *  read (an array of working_set, one_thread and all_threads, GB/s), f32_gflops, bf16_gflops,
 *  int8_gops.
 *  @code
 *  if (getenv("HEED_MEASURE")) heed_measure_machine(0, print_text, NULL);
 *  @endcode */
HEED_API heed_status heed_measure_machine(int32_t threads, heed_text_callback report, void* user);

typedef struct heed_work {
  size_t size;
  int64_t passes; /**< through the model, each of which reads the weights once */
  int64_t bytes;  /**< read by all passes */
  int64_t f32_operations;
  int64_t bf16_operations;
  int64_t int8_operations;
} heed_work;

HEED_API void heed_work_init(heed_work* work);

/** What evaluating `tokens` tokens with `position` in the cache reads and computes. Nothing is
 *  computed.
 *  @code
 *  heed_work work;
 *  heed_work_init(&work);
 *  if (heed_session_work(session, 0, 4, &work) == HEED_OK) {
 *    printf("%lld bytes\n", (long long)work.bytes);
 *  }
 *  @endcode */
HEED_API heed_status heed_session_work(heed_session* session, int64_t position, int64_t tokens,
                                       heed_work* work);

/** Where time went since the last call: `report` gets a JSON array of kind, calls, seconds. Of a
 *  session with `profile`.
 *  @code
 *  heed_session_params params;
 *  heed_session_params_init(&params);
 *  params.profile = 1;
 *  heed_session* measured = NULL;
 *  const heed_token tokens[] = {3, 4, 5};
 *  if (heed_session_new(model, &params, &measured) == HEED_OK &&
 *      heed_eval(measured, tokens, 3, NULL, NULL) == HEED_OK) {
 *    heed_session_profile(measured, print_text, NULL);
 *  }
 *  heed_session_free(measured);
 *  @endcode */
HEED_API heed_status heed_session_profile(heed_session* session, heed_text_callback report,
                                          void* user);

#ifdef __cplusplus
}
#endif

#endif /* HEED_H */
