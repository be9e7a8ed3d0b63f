module github.com/balsaraft/balsa

go 1.26
