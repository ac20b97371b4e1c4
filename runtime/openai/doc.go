// Package openai is the wire format of OpenAI's Chat Completions API: it turns a request body into the domain's request
// for Converse, and the domain's answers, events and errors into what OpenAI's clients expect.
//
// What Converse cannot do is refused by name, never dropped: a parameter that would change the answer is accepted only
// with the value that is the API's default. Parameters that merely inform, such as user and metadata, are accepted.
//
// Where the two APIs differ, Bedrock's rules hold:
//   - system and developer messages come before all others, for Converse has one list of system texts;
//   - consecutive messages of one side become one turn, for Converse's turns alternate;
//   - every tool call is answered before the conversation goes on, and the last message is the user's or a tool's;
//   - temperature goes from 0 to 1, not to 2;
//   - images are data: URLs, at most 20 of at most 3.75 MB, which is Converse's documented limit
//     (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
//
// It must not know HTTP servers, AWS, or the other surface.
package openai
