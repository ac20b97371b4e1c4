module github.com/genai-pipeline/genai-pipeline

go 1.26
